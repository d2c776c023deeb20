"""nginx with a server for one host and one for all others, on a free port, which is the first line of its output. The directory
with the program is the first argument, an empty one the second."""

import pathlib
import sys

from served import free_port, serve, start

packages, place = sys.argv[1:]
port = free_port()
configuration = pathlib.Path(place) / "nginx.conf"
paths = "\n".join(f"{kind}_temp_path {place}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
configuration.write_text(
    f"""daemon off;
master_process off;
pid {place}/pid;
error_log /dev/null;
events {{}}
http {{
    access_log off;
    {paths}
    server {{ listen 127.0.0.1:{port} default_server; return 404 open; }}
    server {{ listen 127.0.0.1:{port}; server_name hooks.example.com; return 200 protected; }}
}}
"""
)
serve(port, start(f"{packages}/nginx", "-p", place, "-e", "/dev/null", "-c", str(configuration)))
