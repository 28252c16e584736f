r"""The endpoint: serves the packets that reach a node and answers them.

::

    LinkReceiver --> Serve --+--> Reads  ---> SRAM mesh read  --- lines ------------------+
                       |     +--> Writes ---> SRAM mesh write --- completed --> Raises ---+--> Answers --> LinkSender
                       |     +--> (RAISE) ------------------------------------>   |       |
                       |     +--> start, debug, poke of the core                  v       |
                       |     +--> direct answers --------------------------- semaphores --+
                       +--------> Threads: who waits for a thread ------------------------+

Serve takes one request at a time; Check says what is wrong with it. WRITE, READ and RAISE pass at one a cycle. Nothing in the endpoint
waits for a thread's progress: who asks to be told later is remembered in Threads, and a second one is refused. Every output of the
endpoint is a flip-flop. What requests and answers mean, and which requests are refused, stands in golden/arch/packet.py.
"""

from rtl.noc.endpoint.endpoint import Endpoint

__all__ = ["Endpoint"]
