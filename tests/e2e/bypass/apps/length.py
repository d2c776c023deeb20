"""PHP's own server with a script that cuts off by its length what it is mounted on, as Symfony, Slim and Yii do, on a free port,
which is the first line of its output. An empty directory is the second argument."""

import pathlib
import sys

from served import free_port, serve, start

SCRIPT = """<?php
$path = rawurldecode(strtok($_SERVER['REQUEST_URI'], '?'));
foreach (['/index.php', '/hook'] as $base) {
    if (strpos($path, $base) === 0) {
        $path = '/' . ltrim(substr($path, strlen($base)), '/');
    }
}
echo $path === '/exact' ? 'protected' : 'open';
"""

script = pathlib.Path(sys.argv[2]) / "front.php"
script.write_text(SCRIPT)
port = free_port()
serve(port, start("php", "-q", "-S", f"127.0.0.1:{port}", str(script)))
