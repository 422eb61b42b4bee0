"""The oracle: what the sources say they handed over, against what the databases hold. No counter of the product's."""
