r"""The endpoint: serves the packets that reach a node and answers them.

::

    LinkReceiver --> Check --> Serve --+--> Reads  ---> SRAM mesh read  --- lines ------------------+
                                 |     +--> Writes ---> SRAM mesh write --- completed --> Raises ---+--> Answers --> LinkSender
                                 |     +--> (RAISE) ------------------------------------>   |       |
                                 |     +--> start, debug, poke of the core                  v       |
                                 |     +--> direct answers --------------------------- semaphores --+
                                 |     +--> Boot: who the node is; packets for other nodes --------------> LinkSender
                                 +--------> Threads: who waits for a thread ------------------------+

Check says what is wrong with a request and who serves it, a cycle before Serve, which takes one at a time; ControlLines, Starter and
Debugger are its parts. WRITE, READ and RAISE pass at one a cycle. Nothing in the endpoint waits for a thread's progress: who asks to be
told later is remembered in Threads, and a second one is refused. Every output of the endpoint is a flip-flop. What requests and answers
mean stands in golden/arch/packet.py, which requests are refused in golden/arch/refusal.py.
"""

from rtl.noc.endpoint.boot import Identity
from rtl.noc.endpoint.endpoint import Endpoint

__all__ = ["Endpoint", "Identity"]
