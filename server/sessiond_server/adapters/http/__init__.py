"""All HTTP that goes out: to key sets, discovery documents and token endpoints of configured issuers, and nowhere else."""
