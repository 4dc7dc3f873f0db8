# install: filled in when the shared library exists
