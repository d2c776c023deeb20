"""PHP's own server with a script that asks `parse_url` for the path, on a free port, which is the first line of its output. An empty
directory is the second argument."""

import pathlib
import sys

from served import free_port, serve, start

script = pathlib.Path(sys.argv[2]) / "front.php"
script.write_text("<?php echo (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/') === '/' ? 'protected' : 'open';")
port = free_port()
serve(port, start("php", "-q", "-S", f"127.0.0.1:{port}", str(script)))
