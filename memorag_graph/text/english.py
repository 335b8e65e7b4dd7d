"""English sentences about varied subjects, with which tokenizers and embedding models are compared."""

ENGLISH = (
    "The ferry between the islands was cancelled for three days because the harbour had frozen over during the night.",
    "A committee of seven members examines every application and publishes its decision at the beginning of March.",
    "When the temperature rises above ninety degrees, a valve opens and the steam escapes through a copper pipe.",
    "Her grandmother had left her a house with a large garden, two cats and a library of books about the stars.",
    "Prices of wheat fell by a fifth after the good harvest, while those of coffee and sugar remained almost the same.",
    "The museum keeps more than four thousand coins, most of which were found by farmers in their fields.",
    "Doctors advise patients to drink plenty of water and to rest for at least a week after the operation.",
    "In the second half the visitors attacked with four players, but their goalkeeper made a mistake in the end.",
)
