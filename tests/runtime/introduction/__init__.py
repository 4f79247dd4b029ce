"""What the introduction of Channels says, said of this runtime: a module for each of its sections.

Where an example leaves something out (a view, a model), the demo's own stands in for it.
"""
