"""What wheelfix does, one short function per command. Start reading here.

Read, model, resolve, render: every flow goes that way once, from left to right.

=================================  ==================================================
What only one flow needs is imported there: asking for one soname should not wait for what reads wheels.
"""
