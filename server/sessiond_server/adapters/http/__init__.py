"""All HTTP that goes out.

It goes to key sets, discovery documents and token endpoints of configured issuers, and nowhere else.
"""
