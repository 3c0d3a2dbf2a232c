MINE = "my struct"
