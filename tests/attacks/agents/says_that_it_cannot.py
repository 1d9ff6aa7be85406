open("CANNOT.txt", "w").write("contradiction\nThe tests and the document exclude each other.\n")
