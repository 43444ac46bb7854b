"""Plausible Chilean names for a school that does not exist."""

from __future__ import annotations

GIRLS = (
    "Sofía", "Emilia", "Isidora", "Florencia", "Maite", "Josefa", "Amanda", "Agustina", "Antonella",
    "Catalina", "Martina", "Trinidad", "Constanza", "Valentina", "Javiera", "Fernanda", "Antonia",
    "Renata", "Colomba", "Rafaela", "Magdalena", "Julieta", "Monserrat", "Ignacia", "Millaray",
    "Laura", "Violeta", "Leonor", "Pascale", "Rayén",
)  # fmt: skip
BOYS = (
    "Mateo", "Agustín", "Santiago", "Tomás", "Lucas", "Gaspar", "Alonso", "Benjamín", "Vicente",
    "Maximiliano", "Joaquín", "Martín", "Facundo", "Cristóbal", "Matías", "Simón", "Emiliano",
    "Diego", "Bastián", "Ignacio", "José Tomás", "Clemente", "Nicolás", "Franco", "Lautaro",
    "Dante", "Borja", "Felipe", "León", "Nahuel",
)  # fmt: skip
WOMEN = (
    "Carolina", "Claudia", "Paola", "Marcela", "Daniela", "Andrea", "Francisca", "Pamela",
    "Lorena", "Ximena", "Natalia", "Verónica", "Macarena", "Alejandra", "Paulina", "Katherine",
    "Rocío", "Soledad", "Jocelyn", "Tamara",
)  # fmt: skip
MEN = (
    "Rodrigo", "Cristián", "Marcelo", "Claudio", "Mauricio", "Álvaro", "Patricio", "Francisco",
    "Juan Pablo", "Sebastián", "Gonzalo", "Hernán", "Jaime", "Luis", "Eduardo", "Ricardo",
    "Esteban", "Víctor", "Héctor", "Raúl",
)  # fmt: skip
SURNAMES = (
    "González", "Muñoz", "Rojas", "Díaz", "Pérez", "Soto", "Contreras", "Silva", "Martínez",
    "Sepúlveda", "Morales", "Rodríguez", "López", "Fuentes", "Hernández", "Torres", "Araya",
    "Flores", "Espinoza", "Valenzuela", "Castillo", "Tapia", "Reyes", "Gutiérrez", "Castro",
    "Pizarro", "Álvarez", "Vásquez", "Sánchez", "Fernández", "Ramírez", "Carrasco", "Gómez",
    "Cortés", "Herrera", "Núñez", "Jara", "Vergara", "Rivera", "Figueroa", "Riquelme", "García",
    "Miranda", "Bravo", "Vera", "Molina", "Vega", "Campos", "Sandoval", "Orellana", "Cárdenas",
    "Olivares", "Alarcón", "Gallardo", "Ortiz", "Garrido", "Salazar", "Guzmán", "Henríquez",
    "Saavedra", "Navarro", "Aguilera", "Parra", "Romero", "Aravena", "Vargas", "Leiva", "Escobar",
    "Quezada", "Yáñez", "Catalán", "Poblete", "Huenchullán", "Curihual", "Maldonado", "Bustos",
)  # fmt: skip
