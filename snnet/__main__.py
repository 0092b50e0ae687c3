"""`python -m snnet …`"""

import sys

from snnet.commands.main import main

sys.exit(main())
