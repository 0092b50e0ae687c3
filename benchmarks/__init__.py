"""Each measured claim as a command: `python -m benchmarks.NAME`."""

from snnet import openmp

openmp.spin_briefly()  # as the commands and the app do
