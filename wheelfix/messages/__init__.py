"""What loaders, interpreters and builds print when a library is not there: text in, symptoms out."""
