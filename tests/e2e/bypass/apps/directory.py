"""PHP's own server with a front controller in a directory, on a free port, which is the first line of its output. An empty directory
is the second argument."""

import pathlib
import sys

from served import free_port, serve, start

script = pathlib.Path(sys.argv[2]) / "hook" / "index.php"
script.parent.mkdir()
script.write_text("<?php echo ($_SERVER['PATH_INFO'] ?? '') === '/exact' ? 'protected' : 'open';")
port = free_port()
serve(port, start("php", "-q", "-S", f"127.0.0.1:{port}", "-t", sys.argv[2]))
