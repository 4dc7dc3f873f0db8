#!/usr/bin/env bash
# setup: installs the Debian packages that building and testing need, where they are missing
setup
say "everything that building and testing need is there"
