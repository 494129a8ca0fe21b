"""Between wire messages and the domain's values, field by field.

It refuses what is not allowed and what is not carried out.
"""
