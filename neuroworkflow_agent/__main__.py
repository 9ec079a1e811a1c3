"""`python -m neuroworkflow_agent`."""

from neuroworkflow_agent.cli import main

if __name__ == "__main__":
    main()
