"""What a developer's machine needs: installs, private servers and the supervisor behind ``./dev``.

Standard library only, because it runs before anything is installed. Tests and benches use it too;
the product (``central``, ``edge_agent``) and ``emulators`` never do.
"""
