# What is over, found again
place-closed = Lukkede
place-short-closed = Luk
column-closed = Lukket
column-outcome = Endte med
list-empty-closed = Intet er afsluttet endnu. Når noget afsluttes, står det her og kan åbnes og rettes.
list-empty-closed-filter = Intet afsluttet passer. Søg på nummer, dag (22.11), tavle, kommune, udfald eller et helt id. Esc rydder.
closed-today = i dag
closed-yesterday = i går
