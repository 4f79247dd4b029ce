from django.http import JsonResponse

from desk.models import Ticket


def tickets(request):
    return JsonResponse({"tickets": list(Ticket.objects.values("title", "status"))})
