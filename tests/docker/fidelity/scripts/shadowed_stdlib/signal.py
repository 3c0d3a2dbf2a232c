MINE = "my signal"
