"""Joint training of stitches: recipes, the plan of a run, its samples, its teacher, and the run itself."""
