"""Taking files into the register: the record, the job, and the joins that tell new from known."""
