"""An application with consumers, for the tests of ``syncproton.contrib.django``."""
