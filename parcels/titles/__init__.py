"""The owner's side of a title: registering it, answering what was asked, changing its land."""
