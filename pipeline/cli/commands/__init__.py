"""The commands, one file each; `pipeline.cli.main` lists them."""
