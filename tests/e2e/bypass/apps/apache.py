"""Apache whose front controller, in PHP, is given the path in a query, on a free port, which is the first line of its output. An
empty directory is the second argument."""

import pathlib
import sys

from served import await_listener, free_port, serve, start

MODULES = ["mpm_event", "authz_core", "rewrite", "proxy", "proxy_fcgi"]
LIBRARIES = "/usr/lib/apache2/modules"
INDEX = """<?php
if (urldecode($_GET['q'] ?? '') === 'hook/exact') { echo 'protected'; } else { http_response_code(404); echo 'open'; }
"""

place = pathlib.Path(sys.argv[2])
root, php = place / "root", place / "php"
root.mkdir()
(root / "index.php").write_text(INDEX)
port = free_port()
configuration = place / "apache.conf"
modules = "\n".join(f"LoadModule {name}_module {LIBRARIES}/mod_{name}.so" for name in MODULES)
configuration.write_text(
    f"""{modules}
ServerRoot {place}
ServerName 127.0.0.1
PidFile {place}/pid
ErrorLog /dev/null
Listen 127.0.0.1:{port}
DocumentRoot {root}
AllowEncodedSlashes On
MaxKeepAliveRequests 0
<Directory {root}>
    Require all granted
    RewriteEngine On
    RewriteCond %{{REQUEST_FILENAME}} !-f
    RewriteRule ^(.*)$ index.php?q=$1 [L]
</Directory>
<FilesMatch "\\.php$">
    SetHandler "proxy:unix:{php}|fcgi://localhost"
</FilesMatch>
ProxyFCGISetEnvIf true SCRIPT_FILENAME "{root}/index.php"
"""
)
# PHP ends after 500 requests, unless it is told otherwise.
await_listener(php, start("php-cgi", "-b", str(php), PHP_FCGI_MAX_REQUESTS="0"))
serve(port, start("/usr/sbin/apache2", "-X", "-f", str(configuration)))
