"""The SN-Net explorer: serves the page, or writes it into one file.

python app.py [--network lite] [--weights FILE] [--host 127.0.0.1] [--port 7860] [--share] [--backend]
              [--root-path /explorer] [--log] [--uploads-gb 2]
python app.py [--network lite] [--weights FILE] --write-page out.html
"""

import sys

from app.main import main

if __name__ == "__main__":
    sys.exit(main("app.py"))
