"""The services that pipelines are deployed to, on this machine: real processes, real HTTP, no account."""
