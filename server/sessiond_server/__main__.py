"""`python -m sessiond_server`: the command line."""

from sessiond_server.cli.main import main

if __name__ == "__main__":
    main()
