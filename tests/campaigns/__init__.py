"""Long runs that look for what short tests cannot find: `make campaign`.

Each module has a `main`, prints a table and writes `benchmarks/results/<name>.json`; the tests of
the same name run a short form.
"""
