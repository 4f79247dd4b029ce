from console.captured import Counted as Counted
from console.captured import Origin as Origin
from console.captured import Running as Running
from console.tape import Tape as Tape
