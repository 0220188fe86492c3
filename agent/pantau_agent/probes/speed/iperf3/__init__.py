"""The engine `iperf3`: the program of that name, where it is installed.

report   what it prints, read; client: one run of it, watched
engine   which server, download, upload
"""
