"""The reference: what the machine computes, in the standard library and NumPy.  Never imports rtl, sim or tb."""
