value = {
    "key": [
        1,
        (lambda x: x
            .attribute
         )(None),
    ],
}
