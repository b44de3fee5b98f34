"""What deploys a pipeline: templates, roles and state machines, made from the code. For development alone.

Nothing here is ever loaded on Lambda. It needs the extra `lint`, for the analyser and for YAML.
"""
