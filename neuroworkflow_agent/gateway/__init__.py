"""The gateway: a small ASGI service between kernels and the Messages API that alone holds the key.

It stands alone: nothing of the engine is imported, and a process that serves it needs no kernel and no
`claude`. Replicas share nothing but their database.
"""
