"""Forms walked by machine: answers made up at each screen, steered towards questions nobody was asked yet."""
