import helper

helper.run(lambda: {}["x"])
