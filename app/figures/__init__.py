"""What the page draws, as plain data: the chart, the way through the network, the tables beside them."""
