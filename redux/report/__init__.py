"""An execution as people look at it afterwards: gathered from the records in bulk, and written as HTML or text."""
