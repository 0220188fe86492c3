"""What an operator needs to configure agents from afar: keys, signed messages, and the way to the broker.

files        private keys, settings and messages on disk
summary      what a message changes, for people
publishing   one retained message to the broker
cli          `pantau-collector config keygen|sign|show|publish`
"""
