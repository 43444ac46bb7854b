"""New versions of this software: fetched by the agent, installed by a process that is root.

The agent (``fetch.py``) is not trusted with its own code: it only leaves a file in its inbox.
``python -m edge_agent.updates``, started by systemd when that file appears, believes nothing but
the signature. Each version has an environment of its own; what runs is a link, so switching is one
step and going back is the same step.
"""
