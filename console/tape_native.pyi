from console.captured import Counted as Counted
from console.captured import Durations as Durations
from console.captured import Numbers as Numbers
from console.captured import Origin as Origin
from console.captured import Pending as Pending
from console.captured import Running as Running
from console.captured import Written as Written
from console.tape import Tape as Tape
