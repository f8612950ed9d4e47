args: args
