MINE = "my ctypes"
