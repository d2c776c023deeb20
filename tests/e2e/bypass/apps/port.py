"""PHP's own server with a script that asks `parse_url` for the path, on a free port, which is the first line of its output. An empty
directory is the second argument."""

import sys

from served import serve_script

serve_script(sys.argv[2], "<?php echo (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/') === '/' ? 'protected' : 'open';")
