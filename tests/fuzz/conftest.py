from hypothesis import settings

from tests.fuzz.profiles import fuzz

settings.register_profile("impo", fuzz(20))
settings.load_profile("impo")
