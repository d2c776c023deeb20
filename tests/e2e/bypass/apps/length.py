"""PHP's own server with a script that cuts off by its length what it is mounted on, as Symfony, Slim and Yii do, on a free port,
which is the first line of its output. An empty directory is the second argument."""

import sys

from served import serve_script

SCRIPT = """<?php
$path = rawurldecode(strtok($_SERVER['REQUEST_URI'], '?'));
foreach (['/index.php', '/hook'] as $base) {
    if (strpos($path, $base) === 0) {
        $path = '/' . ltrim(substr($path, strlen($base)), '/');
    }
}
echo $path === '/exact' ? 'protected' : 'open';
"""

serve_script(sys.argv[2], SCRIPT)
