"""Running on AWS Lambda: nothing here is loaded before a function is invoked."""
